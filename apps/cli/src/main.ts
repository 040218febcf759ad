#!/usr/bin/env node
import { keepCompiled } from './compile-cache.ts';

keepCompiled();
// What is imported from here on is kept.
const { start } = await import('./start.ts');
await start(import.meta.url);
