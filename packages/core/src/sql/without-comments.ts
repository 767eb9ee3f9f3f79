/** A statement from its first word on: without the white space and comments before it. */
export function withoutComments(text: string): string {
  return text.replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '');
}
