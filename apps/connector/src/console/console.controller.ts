import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { ConnectorError } from '#core';
import { connectorRoot } from '#runtime';
import { icon, page } from './page.js';
import { style } from './style.js';

interface Reply {
  header(name: string, value: string): Reply;
  send(body: string | Buffer): void;
}

/** A browser takes only what was compiled, from the tests too. */
const scripts = join(connectorRoot, 'dist/apps/connector/src/console/browser');
const plots = dirname(createRequire(join(connectorRoot, 'package.json')).resolve('uplot/package.json'));

const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };

/** Where each file of the page comes from; there is no way to any other. */
async function fileOf(name: string): Promise<string | Buffer | undefined> {
  if (name === 'style.css') return style;
  if (name === 'icon.svg') return icon;
  if (name === 'plot.js') return readFile(join(plots, 'dist/uPlot.iife.min.js'));
  if (name === 'plot.css') return readFile(join(plots, 'dist/uPlot.min.css'));
  if (/^[a-z-]{1,40}\.js$/.test(name)) return readFile(join(scripts, name)).catch(() => undefined);
  return undefined;
}

/** The page of the reconciliation report. It holds nothing by itself: what it shows it asks the operator API for, with the operator's token. */
@ApiExcludeController()
@Controller('console')
export class ConsoleController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'no-cache')
  // Nothing from elsewhere, nothing inline: whatever a vendor's words contain, it cannot run.
  @Header('content-security-policy', "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
  @Header('referrer-policy', 'no-referrer')
  @Header('x-content-type-options', 'nosniff')
  show(): string {
    return page;
  }

  @Get(':file')
  async file(@Param('file') name: string, @Res() reply: Reply): Promise<void> {
    const content = await fileOf(name);
    if (content === undefined) throw new ConnectorError('NOT_FOUND');
    reply.header('content-type', types[name.split('.').at(-1) as keyof typeof types]).header('cache-control', 'no-cache').header('x-content-type-options', 'nosniff').send(content);
  }
}
