import { expect, it } from 'vitest';
import { PROMPT_WRITE_MS, Promptness } from '../src/file/promptness.ts';

const PROMPT = 0.005;
const SLOW = 5;

/** How many calls in a row go the other way. */
function detour(promptness: Promptness): number {
  let count = 0;
  while (!promptness.isLikely()) count += 1;
  return count;
}

it('tries again and again where calls are prompt', () => {
  const promptness = new Promptness();
  for (let i = 0; i < 100; i++) {
    expect(promptness.isLikely()).toBe(true);
    promptness.took(PROMPT, 4096);
  }
});

it('leaves a slow device alone for longer and longer, and comes back to it', () => {
  const promptness = new Promptness();
  const detours = Array.from({ length: 10 }, () => {
    promptness.took(SLOW, 4096);
    return detour(promptness);
  });
  expect(detours.slice(0, 3)).toEqual([16, 32, 64]);
  expect(detours.slice(-3)).toEqual([1024, 1024, 1024]);
});

it('forgets that a device was slow once it is prompt', () => {
  const promptness = new Promptness();
  for (let i = 0; i < 5; i++) promptness.took(SLOW, 4096);
  detour(promptness);
  promptness.took(PROMPT, 4096);
  expect(detour(promptness)).toBe(0);
  promptness.took(SLOW, 4096);
  expect(detour(promptness)).toBe(16);
});

it('grants a long call the time to copy its bytes', () => {
  const promptness = new Promptness();
  promptness.took(1, 2 ** 20);
  expect(promptness.isLikely()).toBe(true);
  promptness.took(1.2, 4096);
  expect(promptness.isLikely()).toBe(false);
});

it('takes one slow call for chance, and a second one soon after for a sign', () => {
  const promptness = new Promptness();
  promptness.took(0.3, 4096);
  expect(promptness.isLikely()).toBe(true);
  for (let i = 0; i < 8; i++) promptness.took(PROMPT, 4096);
  promptness.took(0.3, 4096);
  expect(promptness.isLikely()).toBe(true);
  for (let i = 0; i < 7; i++) promptness.took(PROMPT, 4096);
  promptness.took(0.3, 4096);
  expect(detour(promptness)).toBe(16);
  // It is tried once, and not believed again.
  promptness.took(0.3, 4096);
  expect(detour(promptness)).toBe(32);
});

it('grants a write more than a read, and less than the system makes it wait', () => {
  const [read, write] = [new Promptness(), new Promptness(PROMPT_WRITE_MS)];
  for (let i = 0; i < 2; i++) {
    read.took(0.3, 4096);
    write.took(0.3, 4096);
  }
  expect([detour(read), detour(write)]).toEqual([16, 0]);
  write.took(SLOW, 4096);
  expect(detour(write)).toBe(16);
});
