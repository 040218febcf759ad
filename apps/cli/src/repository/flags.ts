/** How a repository is opened. */
export interface RepositoryFlags {
  readonly passphraseFile?: string;
  readonly keyFile?: string;
}

export const secretFlags = {
  passphraseFile: {
    kind: 'parsed',
    parse: String,
    brief: 'file whose first line opens an encrypted repository',
    placeholder: 'FILE',
    optional: true,
  },
  keyFile: {
    kind: 'parsed',
    parse: String,
    brief: 'file whose bytes, at least 32, open an encrypted repository',
    placeholder: 'FILE',
    optional: true,
  },
} as const;

export const placePositional = {
  brief: 'repository: a directory, or s3://BUCKET/PREFIX',
  placeholder: 'REPO',
  parse: String,
} as const;

export const pointFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'number of the restore point, or the first digits of its id; when left out, the newest',
  placeholder: 'POINT',
  optional: true,
} as const;

export const pointDriveFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'id or name of the drive, in a repository of several',
  placeholder: 'ID',
  optional: true,
} as const;
