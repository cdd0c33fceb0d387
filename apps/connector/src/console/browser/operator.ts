/** An answer that was none, in the words of the connector. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    says: string,
    readonly fix = '',
  ) {
    super(says);
  }
}

const remembered = 'operator-token';

/** The operator API of one tenant. The token stays in this tab: not on disk, not in an address. */
export class Operator {
  constructor(
    readonly tenant: string,
    private readonly token: string,
  ) {}

  /** Who the address and this tab name, if they do. */
  static remembered(): Operator | undefined {
    const [token, tenant] = [sessionStorage.getItem(remembered), Operator.tenantInAddress()];
    return token && tenant ? new Operator(tenant, token) : undefined;
  }

  static tenantInAddress(): string {
    return decodeURIComponent(location.hash.slice(1));
  }

  remember(): void {
    sessionStorage.setItem(remembered, this.token);
    history.replaceState(null, '', `#${encodeURIComponent(this.tenant)}`);
  }

  static forget(): void {
    sessionStorage.removeItem(remembered);
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  post<T>(path: string, body?: object): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`api/${encodeURIComponent(this.tenant)}/operations/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      cache: 'no-store',
    }).catch(() => undefined);
    if (!response) throw new Refused(0, 'The connector does not answer.', 'It is asked again in a moment.');
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok && answer !== undefined) return answer as T;
    if (response.status === 401) throw new Refused(401, 'This token is wrong.', 'It is operations.token of the configuration: ask whoever runs the connector for it. Where that is not set, nobody is let in.');
    const { says = `The connector answered ${response.status}.`, fix = '' } = (answer ?? {}) as { says?: string; fix?: string };
    throw new Refused(response.status, says, fix);
  }
}
