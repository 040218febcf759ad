import * as v from 'valibot';
import { Drives } from './drive-schema.ts';
import { ID, ID_EXPECTED, key, list, mapping, named, ofKind, optional, path } from './fields.ts';
import { CsiMetadata, Imageio } from './other-apis-schema.ts';
import { Export, Http, Log, Metrics, Nbd, UnixListen } from './serving-schema.ts';

/** What a configuration file may say. */
export const Config = mapping({
  drives: key(ofKind('a mapping of names', v.optional(Drives, {})), 'Drives, by their names'),
  nbd: optional(Nbd, 'The NBD server'),
  exports: key(
    ofKind('a mapping of names', v.optional(named(Export, ID, ID_EXPECTED), {})),
    'What NBD clients find there, by ids of their own',
  ),
  qmp: key(
    ofKind('a list of sockets', v.optional(list(UnixListen, 'a list of sockets'), [])),
    'Sockets for QMP',
  ),
  log: key(ofKind('a mapping of keys', v.optional(Log, {})), 'What is told on standard error'),
  metrics: optional(Metrics, 'Metrics for Prometheus, and health'),
  http: optional(Http, 'The HTTP API, and the dashboard that is made from it'),
  repositories: optional(
    list(path, 'a list of absolute paths'),
    'Folders of repositories whose last restore points the HTTP API tells of',
    'none',
  ),
  imageio: optional(Imageio, "oVirt's imageio API, for reading"),
  'csi-metadata': optional(CsiMetadata, "CSI's SnapshotMetadata service, of a repository"),
  checkpoints: optional(
    path,
    'A folder that lets changes of bitmaps on several drives be made in all of them or in none, a crash in between or not',
    'none',
  ),
});

export type Config = v.InferOutput<typeof Config>;
