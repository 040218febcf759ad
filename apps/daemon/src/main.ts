#!/usr/bin/env node
import { keepCompiled } from '@tidemark/program';

// What is loaded from here on is kept.
keepCompiled();
const program: typeof import('./start.ts') = require('./start.js');
void program.start(import.meta.url);
