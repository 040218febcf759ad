export { HttpProblem, type HttpCode, type ProblemDetails } from './http-problem.ts';
export type { BitmapVerb, HttpService } from './http-service.ts';
export { describeApi } from './openapi/description.ts';
export { type Route, type RouteId, ROUTES } from './routes.ts';
export {
  Bitmap,
  Drive,
  DriveMap,
  MapQuery,
  MOST_CELLS,
  NewBitmap,
  Warning,
} from './schemas/drive.ts';
export {
  Export,
  Exports,
  Failure,
  Job,
  Points,
  RestorePoint,
  Service,
  Snapshot,
} from './schemas/service.ts';
export { noDrive } from './server/answer-api.ts';
export type { EventLimits } from './server/event-stream.ts';
export {
  type HttpServer,
  type HttpServerOptions,
  type Page,
  startHttpServer,
} from './server/http-server.ts';
