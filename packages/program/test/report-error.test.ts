import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, printable, reportError } from '../src/index.ts';

const options = { program: 'tidemark' };

describe('the report of an error', () => {
  it('says what and where, the code, and what to do next', () => {
    const context = { where: 'file /vm/a.qcow2', bitmap: 'x', hint: 'list the bitmaps' };
    const error = new TidemarkError('BITMAP_NOT_FOUND', "there is no bitmap 'x'", context);
    expect(reportError(error, options)).toBe(
      "tidemark: file /vm/a.qcow2: there is no bitmap 'x' (BITMAP_NOT_FOUND)\n" +
        'tidemark: hint: list the bitmaps\n',
    );
    expect(JSON.parse(reportError(error, { ...options, json: true }))).toEqual({
      error: { code: 'BITMAP_NOT_FOUND', message: "there is no bitmap 'x'", context },
    });
  });

  it('names the place once', () => {
    const error = new TidemarkError('LOCKED', "'/vm/a' is in use", { where: '/vm/a' });
    expect(reportError(error, options)).toBe("tidemark: '/vm/a' is in use (LOCKED)\n");
  });

  it('adds the cause where it says more, and no call names of the system', () => {
    const system = Object.assign(new Error("EIO: i/o error, read '/vm/a'"), { syscall: 'read' });
    const failed = new TidemarkError('IO_FAILED', 'reading failed', {}, system);
    expect(reportError(failed, options).split('\n')[0]).toBe(
      'tidemark: reading failed: EIO: i/o error (IO_FAILED)',
    );
    const known = new TidemarkError('NO_SPACE', 'no space is left', {}, system);
    expect(reportError(known, options)).toBe('tidemark: no space is left (NO_SPACE)\n');
    const cancelled = new TidemarkError('CANCELLED', 'cancelled', {}, new Error('by SIGINT'));
    expect(reportError(cancelled, options)).toBe('tidemark: cancelled: by SIGINT (CANCELLED)\n');
  });

  it('says what to do next also where the error does not know', () => {
    const text = reportError(new TidemarkError('BITMAP_TOO_LARGE', 'too large'), options);
    expect(text).toContain('\ntidemark: hint: use a coarser granularity\n');
    const own = new TidemarkError('BITMAP_TOO_LARGE', 'too large', { hint: 'do this' });
    expect(reportError(own, options)).toContain('\ntidemark: hint: do this\n');
  });

  it('is one line a sentence, whatever a name has in it', () => {
    const error = new TidemarkError('BITMAP_EXISTS', "bitmap 'a\n\u001b[31mb\u202e' exists");
    expect(reportError(error, options)).toBe(
      String.raw`tidemark: bitmap 'a\u000a\u001b[31mb\u202e' exists (BITMAP_EXISTS)` + '\n',
    );
    expect(printable('größe 東京 😀')).toBe('größe 東京 😀');
  });

  it('has the stack of a fault of ours, and the exit code 1', () => {
    const fault = new RangeError('index 7');
    expect(reportError(fault, options)).toContain('report-error.test.ts');
    expect(JSON.parse(reportError(fault, { ...options, json: true }))).toMatchObject({
      error: { code: 'INTERNAL' },
    });
    expect(exitCodeOf(fault)).toBe(1);
    expect(exitCodeOf('thrown text')).toBe(1);
    expect(exitCodeOf(new TidemarkError('LOCKED', 'x'))).toBe(5);
  });
});
