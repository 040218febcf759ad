import * as v from 'valibot';
import { checkReferences } from './check-references.ts';
import { checkSecrets } from './check-secrets.ts';
import { ConfigError } from './config-error.ts';
import { describeIssue } from './describe-issue.ts';
import { type ConfigDocument, readDocument } from './document.ts';
import { Config } from './schema.ts';

/** What a right configuration file says, and where. */
export interface LoadedConfig {
  readonly path: string;
  readonly config: Config;
  readonly document: ConfigDocument;
}

/** Reads and checks a file; of what it names, only secrets are looked at. @throws ConfigError */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const document = await readDocument(path);
  const config = checkConfig(document);
  const problems = await checkSecrets(config, document);
  if (problems.length > 0) throw new ConfigError(problems);
  return { path, config, document };
}

/** @throws ConfigError */
export function checkConfig(document: ConfigDocument): Config {
  const result = v.safeParse(Config, document.value);
  if (!result.success) {
    throw new ConfigError(result.issues.map((issue) => describeIssue(issue, document)));
  }
  const problems = checkReferences(result.output, document);
  if (problems.length > 0) throw new ConfigError(problems);
  return result.output;
}
