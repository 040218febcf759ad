import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

/** Bytes; the last part may be shorter. S3 wants 5 MiB at least. */
const PART_SIZE = 8 * 1024 * 1024;

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

/** The object is there, whole, when the last request is answered; until then nothing is. */
export async function putInParts(
  client: S3Client,
  about: ObjectName,
  bytes: Uint8Array,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(about));
  const upload = { ...about, UploadId };
  try {
    const numbers = Array.from({ length: Math.ceil(bytes.length / PART_SIZE) }, (_, at) => at + 1);
    const Parts = await Promise.all(
      numbers.map(async (PartNumber) => {
        const Body = bytes.subarray((PartNumber - 1) * PART_SIZE, PartNumber * PART_SIZE);
        const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
        return { PartNumber, ETag };
      }),
    );
    const complete = { ...upload, MultipartUpload: { Parts }, IfNoneMatch: '*' };
    await client.send(new CompleteMultipartUploadCommand(complete));
  } catch (error) {
    // Parts of an upload that is neither ended nor given up cost, and nobody sees them.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}
