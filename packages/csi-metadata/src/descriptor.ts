/** proto/csi-snapshot-metadata.proto as protobufjs reads it: a program of one file has no other beside it. */
export const DESCRIPTOR = {
  nested: {
    google: {
      nested: {
        protobuf: { nested: { BoolValue: { fields: { value: { type: 'bool', id: 1 } } } } },
      },
    },
    csi: {
      nested: {
        v1: {
          nested: {
            Identity: {
              methods: {
                GetPluginInfo: unary('GetPluginInfo'),
                GetPluginCapabilities: unary('GetPluginCapabilities'),
                Probe: unary('Probe'),
              },
            },
            SnapshotMetadata: {
              methods: {
                GetMetadataAllocated: streaming('GetMetadataAllocated'),
                GetMetadataDelta: streaming('GetMetadataDelta'),
              },
            },
            GetPluginInfoRequest: { fields: {} },
            GetPluginInfoResponse: {
              fields: {
                name: { type: 'string', id: 1 },
                vendor_version: { type: 'string', id: 2 },
              },
            },
            GetPluginCapabilitiesRequest: { fields: {} },
            GetPluginCapabilitiesResponse: {
              fields: { capabilities: { rule: 'repeated', type: 'PluginCapability', id: 1 } },
            },
            PluginCapability: {
              fields: { service: { type: 'Service', id: 1 } },
              nested: {
                Service: {
                  fields: { type: { type: 'Type', id: 1 } },
                  nested: { Type: { values: { UNKNOWN: 0, SNAPSHOT_METADATA_SERVICE: 4 } } },
                },
              },
            },
            ProbeRequest: { fields: {} },
            ProbeResponse: { fields: { ready: { type: 'google.protobuf.BoolValue', id: 1 } } },
            BlockMetadataType: { values: { UNKNOWN: 0, FIXED_LENGTH: 1, VARIABLE_LENGTH: 2 } },
            BlockMetadata: {
              fields: {
                byte_offset: { type: 'int64', id: 1 },
                size_bytes: { type: 'int64', id: 2 },
              },
            },
            GetMetadataAllocatedRequest: {
              fields: {
                snapshot_id: { type: 'string', id: 1 },
                starting_offset: { type: 'int64', id: 2 },
                max_results: { type: 'int32', id: 3 },
              },
            },
            GetMetadataAllocatedResponse: ranges(),
            GetMetadataDeltaRequest: {
              fields: {
                base_snapshot_id: { type: 'string', id: 1 },
                target_snapshot_id: { type: 'string', id: 2 },
                starting_offset: { type: 'int64', id: 3 },
                max_results: { type: 'int32', id: 4 },
              },
            },
            GetMetadataDeltaResponse: ranges(),
          },
        },
      },
    },
  },
};

function unary(name: string) {
  return { requestType: `${name}Request`, responseType: `${name}Response`, comment: '' };
}

function streaming(name: string) {
  return { ...unary(name), responseStream: true };
}

function ranges() {
  return {
    fields: {
      block_metadata_type: { type: 'BlockMetadataType', id: 1 },
      volume_capacity_bytes: { type: 'int64', id: 2 },
      block_metadata: { rule: 'repeated', type: 'BlockMetadata', id: 3 },
    },
  };
}
