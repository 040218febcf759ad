import { describe, expect, it } from 'vitest';
import { createLogger } from '../src/log/logger.ts';

function logged(isJournal = false) {
  const lines: string[] = [];
  return { lines, logger: createLogger({ write: (line) => void lines.push(line), isJournal }) };
}

describe('the log', () => {
  it('has a line for people, which cannot be made two by what stands in it', () => {
    const { lines, logger } = logged();
    logger.log('ready: a\nb\u001b[2J');
    logger.log('warning: careful');
    logger.log('error: bad', { client: 3 });
    logger.debug('not told');
    expect(lines).toEqual([
      'tidemarkd: ready: a\\u000ab\\u001b[2J\n',
      'tidemarkd: warning: careful\n',
      'tidemarkd: error: client 3: bad\n',
    ]);
  });

  it('tells the journal how bad it is', () => {
    const { lines, logger } = logged(true);
    logger.configure({ level: 'debug' });
    logger.log('a');
    logger.log('warning: b');
    logger.log('error: c');
    logger.debug('d');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['<6>', '<4>', '<3>', '<7>']);
  });

  it('is an object a line for programs, of the levels that are wanted', () => {
    const { lines, logger } = logged();
    logger.configure({ level: 'warn', format: 'json' });
    logger.log('not told');
    logger.log('warning: careful', { client: 7 });
    const [line] = lines.map((each) => JSON.parse(each) as object);
    expect(lines).toHaveLength(1);
    expect(line).toMatchObject({ level: 'warn', message: 'careful', client: 7, pid: process.pid });
    expect(line).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
  });
});
