export {
  createImageioServer,
  type ImageioServerOptions,
  type ImageioTls,
} from './create-imageio-server.ts';
export {
  dirtyExtents,
  type DirtyZeroExtent,
  type ZeroExtent,
  zeroExtents,
} from './image-extents.ts';
export { TicketTable } from './ticket-table.ts';
export type { ImageDevice, Ticket, TicketSource } from './ticket.ts';
