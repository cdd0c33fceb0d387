import type { Received } from '../../unit/klaviyo/fakes.js';
import { operation, parametersValidator, requestValidator, requiredHeaders } from './openapi.js';

/** Method, path, headers, query and body of the requests to one operation, against its document. */
export function conforming(received: readonly Received[], operationId: string, count = 1): Received[] {
  const { method, path } = operation(operationId);
  const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
  const sent = received.filter((request) => request.method === method && pattern.test(request.path));
  expect({ operationId, count: sent.length }).toEqual({ operationId, count });
  for (const request of sent) {
    expect(parametersValidator(operationId)(request.query)).toEqual({ valid: true, errors: [] });
    for (const header of requiredHeaders(operationId)) expect(request.headers).toHaveProperty(header.toLowerCase());
    if (method === 'GET') continue;
    const media = Object.keys(operation(operationId).description.requestBody?.content ?? {});
    expect(media).toContain(request.headers['content-type']);
    expect(requestValidator(operationId)(request.body)).toEqual({ valid: true, errors: [] });
  }
  return sent;
}
