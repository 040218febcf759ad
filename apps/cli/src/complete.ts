/** What a shell's script calls us by, with the words so far: proposals, one to a line. */
export const COMPLETE = '__complete';
