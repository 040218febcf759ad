import {
  type sendUnaryData,
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type AnyDefinition, fromJSON } from '@grpc/proto-loader';
import { isTidemarkError } from '@tidemark/core';
import { answerRanges, type RangesRequest, type RangesResponse } from './answer-ranges.ts';
import { DESCRIPTOR } from './descriptor.ts';
import { SnapshotError, type SnapshotRanges, type SnapshotSource } from './snapshot-source.ts';

export interface GrpcServerOptions {
  readonly source: SnapshotSource;
  /** CSI's name of the plugin: a domain name of at most 63 characters. */
  readonly name: string;
  readonly version: string;
  /** Hears of failures that clients are told nothing of, in a sentence. */
  readonly log: (message: string) => void;
}

type RangesCall<T> = ServerWritableStream<RangesRequest & T, RangesResponse>;

const LIMITS = {
  'grpc.max_concurrent_streams': 32,
  // A request is two ids; secrets may come with it.
  'grpc.max_receive_message_length': 64 * 1024,
};

/** CSI's Identity and SnapshotMetadata services, listening nowhere yet. */
export function createGrpcServer(options: GrpcServerOptions): Server {
  const { source } = options;
  const definitions = fromJSON(DESCRIPTOR, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  });
  const of = (name: string) => serviceIn(definitions[`csi.v1.${name}`]);
  const server = new Server(LIMITS);
  server.addService(of('Identity'), identity(options));
  server.addService(of('SnapshotMetadata'), {
    GetMetadataAllocated: (call: RangesCall<{ snapshot_id: string }>) =>
      void respond(call, options, async () => {
        return source.allocated(given(call.request.snapshot_id, 'snapshot_id'));
      }),
    GetMetadataDelta: (
      call: RangesCall<{ base_snapshot_id: string; target_snapshot_id: string }>,
    ) =>
      void respond(call, options, async () => {
        const { base_snapshot_id: base, target_snapshot_id: target } = call.request;
        return source.delta(given(base, 'base_snapshot_id'), given(target, 'target_snapshot_id'));
      }),
  });
  return server;
}

function serviceIn(found: AnyDefinition | undefined): ServiceDefinition {
  if (found === undefined || 'format' in found)
    throw new TypeError('the description lacks a service');
  return found;
}

function identity({ name, version }: GrpcServerOptions): UntypedServiceImplementation {
  const always =
    (answer: object) => (_: ServerUnaryCall<object, object>, done: sendUnaryData<object>) =>
      done(null, answer);
  const type = 'SNAPSHOT_METADATA_SERVICE';
  return {
    GetPluginInfo: always({ name, vendor_version: version }),
    GetPluginCapabilities: always({ capabilities: [{ service: { type } }] }),
    Probe: always({ ready: { value: true } }),
  };
}

/** @throws SnapshotError: proto3 has no other way to say that a field is missing */
function given(id: string, field: string): string {
  if (id === '') throw new SnapshotError('INVALID_ARGUMENT', `${field} is missing`);
  return id;
}

async function respond(
  call: ServerWritableStream<RangesRequest, RangesResponse>,
  { log }: GrpcServerOptions,
  find: () => Promise<SnapshotRanges>,
): Promise<void> {
  try {
    await answerRanges(call, find);
  } catch (error) {
    call.emit('error', toldOf(error, log));
  }
}

function toldOf(error: unknown, log: GrpcServerOptions['log']) {
  if (error instanceof SnapshotError) return { code: status[error.code], details: error.message };
  log(`csi-metadata: ${error instanceof Error ? error.message : String(error)}`);
  if (
    isTidemarkError(error, 'BACKUP_CORRUPT') ||
    isTidemarkError(error, 'BACKUP_PARENT_MISMATCH')
  ) {
    return {
      code: status.DATA_LOSS,
      details: 'the snapshot is damaged: see the log of the server',
    };
  }
  return { code: status.INTERNAL, details: 'the snapshot could not be read: see the log' };
}
