// C0, C1 and DEL drive terminals; the others turn the direction of text around.
// Cc is spelled out: V8 would ask ICU for it at each start, which takes half a millisecond.
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text for one line of a terminal. Names come out of image files, and one with an escape sequence
 * in it must not be obeyed: such characters are shown as `\u001b`.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
