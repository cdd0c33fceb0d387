import type { List } from './list.js';
import { sparse } from './query.js';
import type { Fields } from './shape.js';
import { instant } from './time.js';

export function listJson(list: List, origin: string, fields?: readonly string[], profileCount = false): Fields {
  const self = `${origin}/api/lists/${list.id}/`;
  const link = (name: string) => ({ links: { self: `${self}relationships/${name}/`, related: `${self}${name}/` } });
  const attributes: Fields = { name: list.name, created: instant(list.created), updated: instant(list.updated), opt_in_process: list.optIn };
  if (profileCount) attributes['profile_count'] = list.size;
  return {
    type: 'list',
    id: list.id,
    attributes: sparse(attributes, fields),
    relationships: { profiles: link('profiles'), tags: link('tags'), 'flow-triggers': link('flow-triggers') },
    links: { self },
  };
}
