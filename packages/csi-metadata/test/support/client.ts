import {
  Client,
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = new URL('../../proto/csi-snapshot-metadata.proto', import.meta.url).pathname;
/** The file that the package ships, not the descriptor that the server goes by. */
const definitions = loadSync(PROTO, { keepCase: true, longs: Number, enums: String });

interface Answer {
  readonly block_metadata_type: string;
  readonly volume_capacity_bytes: number;
  readonly block_metadata: readonly { byte_offset: number; size_bytes: number }[];
}

export interface Outcome {
  readonly messages: readonly Answer[];
  /** Offset and length of each range. */
  readonly ranges: readonly (readonly [number, number])[];
  /** 0: it ended well. */
  readonly code: number;
  readonly details: string;
}

type Call = AsyncIterable<Answer> & {
  cancel(): void;
  pause(): void;
  on(n: string, f: (e: ServiceError) => void): void;
};

/** A client of one socket. */
export class CsiClient {
  readonly #metadata: Client & Record<string, (request: object) => Call>;
  readonly #identity: Client & Record<string, (...args: unknown[]) => void>;

  constructor(socket: string) {
    const make = (name: string) => {
      const Made = makeGenericClientConstructor(definitions[`csi.v1.${name}`] as never, name);
      return new Made(`unix:${socket}`, credentials.createInsecure()) as never;
    };
    this.#metadata = make('SnapshotMetadata');
    this.#identity = make('Identity');
  }

  begin(method: 'GetMetadataAllocated' | 'GetMetadataDelta', request: object): Call {
    return this.#metadata[method]!(request);
  }

  async ask(
    method: 'GetMetadataAllocated' | 'GetMetadataDelta',
    request: object,
  ): Promise<Outcome> {
    const messages: Answer[] = [];
    let [code, details] = [0, ''];
    try {
      for await (const message of this.begin(method, request)) messages.push(message);
    } catch (error) {
      ({ code, details } = error as ServiceError);
    }
    const ranges = messages.flatMap(({ block_metadata: list }) =>
      (list ?? []).map((one) => [one.byte_offset ?? 0, one.size_bytes] as const),
    );
    return { messages, ranges, code, details };
  }

  async identity(method: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, answer: unknown) =>
        error === null ? resolve(answer) : reject(error);
      this.#identity[method]!({}, new Metadata(), done);
    });
  }

  close(): void {
    this.#metadata.close();
    this.#identity.close();
  }
}
