// C0, C1 and DEL drive terminals; the others turn the direction of text around.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

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
