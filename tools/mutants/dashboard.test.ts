import { DASHBOARD_MUTANTS } from './dashboard-mutants.ts';
import { mutantSuite } from './mutant-suite.ts';

mutantSuite('what the dashboard tells', DASHBOARD_MUTANTS, {
  project: 'dashboard',
  filters: ['test/model', 'test/heat', 'test/format'],
  usually: 1,
});
