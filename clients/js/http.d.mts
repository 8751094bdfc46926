/** What the server refused, as its problem document says it (RFC 9457). */
export class AkinError extends Error {
  status: number;
  code: string;
  detail: string;
  errors: Array<{ pointer?: string; parameter?: string; detail: string }>;
  traceId: string;
}
export class Http {
  constructor(url?: string, options?: { key?: string; timeout?: number; retries?: number });
  /** All documents by id, as they come; throws where the answer is cut: go on with `after`. `began` gets the position of the beginning. */
  exportDocuments(collection: string, options?: { filter?: string; fields?: Array<string>; after?: string; began?: (position: string) => void }): AsyncGenerator<Record<string, unknown>>;
}
