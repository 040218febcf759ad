import { GRAPH_MUTANTS } from './graph-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('nodes and jobs', GRAPH_MUTANTS, {
  project: 'graph',
  filters: ['backup', 'bitmap-modes', 'transaction', 'nodes', 'reads', 'views'],
  usually: 1,
});
