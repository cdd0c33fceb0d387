/** The plot library asks for numbers in the browser's language as soon as it is loaded, and fails at one that is none: `en-US@posix`, where no locale is set. */
try {
  Intl.NumberFormat.supportedLocalesOf(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
}
