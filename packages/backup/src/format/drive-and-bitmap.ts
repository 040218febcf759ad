import type { JsonFields } from './json-fields.ts';

/** What manifests of every layout say of their drive, and of the bitmap that begins with them. */
export function decodeDriveAndBitmap(fields: JsonFields) {
  const drive = fields.object('drive');
  const bitmap = fields.isNull('bitmap') ? null : fields.object('bitmap');
  return {
    drive: {
      id: drive.text('id'),
      label: drive.text('label'),
      format: drive.text('format'),
      size: drive.size('size'),
    },
    bitmap: bitmap && {
      name: bitmap.text('name'),
      granularity: bitmap.size('granularity'),
      checkpoint: bitmap.text('checkpoint', 32),
    },
  };
}
