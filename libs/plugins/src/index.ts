/** The built-in plugins; each is the file of its name. They are named only: a plugin runs in an isolate and nowhere else. */
export const builtInPlugins = ['multi-list-routing', 'phone-numbers', 'profile-mapper', 'quiet-hours'] as const;
