import { json } from '../http/exchange.js';
import { bodyOf, identifiersOf, mapOf, now, type Operation } from './call.js';
import { bareString, problem } from './problem.js';

/**
 * `POST /customer/authenticate?provider=…`. The vendor documents the answers, but neither its providers nor their bodies: here any provider
 * name will do, and the body names the customer by `identifiers` or by bare `email`, `phone`, `customerId`. That part is an invention.
 */
const authenticate: Operation = {
  id: 'authenticate_customer',
  run: (call) => {
    const provider = call.exchange.query.get('provider');
    if (!provider) return problem(400, 'Bad Request', 'The provider is missing.');
    const body = bodyOf(call);
    const named = identifiersOf(body['identifiers'] ?? body);
    const customer = call.tenant.findCustomer(named);
    if (!customer) return problem(422, 'Unprocessable Entity', `Invalid authentication data for the provider '${provider}'.`);
    return bareString(customer.token, call.exchange.headers.accept);
  },
};

const upsertCustomer: Operation = {
  id: 'upsert_customer',
  run: (call) => {
    const account = bodyOf(call);
    const named = identifiersOf(mapOf(account['identifiers']));
    for (const name of ['email', 'customerId'] as const) if (typeof account[name] === 'string') named[name] = account[name];
    if (typeof account['phoneNumber'] === 'string') named['phone'] = account['phoneNumber'];
    if (Object.keys(named).length === 0) return problem(412, 'Precondition Failed', 'The account has no identifier.', { email: ['An identifier is required.'] });
    const customer = call.tenant.upsertCustomer(named, account);
    call.announce({ kind: 'Customer:Upserted', at: now(call), identifiers: customer.identifiers, account: customer.account });
    return json(200, customer.account);
  },
};

const getCustomer: Operation = {
  id: 'get_customer',
  run: ({ tenant, exchange }) => {
    const [, token] = /^Bearer\s+(\S+)$/i.exec(exchange.headers.authorization ?? '') ?? [];
    const customer = token === undefined ? undefined : tenant.customerOfToken(token);
    return customer ? json(200, customer.account) : problem(401, 'Unauthorized');
  },
};

export const customerOperations = { authenticate, upsertCustomer, getCustomer };
