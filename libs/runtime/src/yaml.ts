import { parse, YAMLParseError } from 'yaml';

/** What is wrong is said by its place alone: the parser's own words repeat what stands there. */
export function readYaml(text: string): { value: unknown } | { problem: string } {
  try {
    return { value: parse(text) };
  } catch (error) {
    const at = error instanceof YAMLParseError ? error.linePos?.[0] : undefined;
    return { problem: `it is not readable YAML${at ? ` at line ${at.line}, column ${at.col}` : ''}` };
  }
}
