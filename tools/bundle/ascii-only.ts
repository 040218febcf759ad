import type { Plugin } from 'rolldown';

/** With one letter beyond ASCII in it, a whole text lies in memory with two bytes to each. */
export function asciiOnly(): Plugin {
  return {
    name: 'ascii-only',
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type === 'chunk') file.code = escaped(file.code);
      }
    },
  };
}

/** Of a text whose letters beyond ASCII are all in strings, regular expressions and comments. */
function escaped(code: string): string {
  // oxlint-disable-next-line no-control-regex
  return code.replace(/[^\u0000-\u007f]/g, (letter) => {
    return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
