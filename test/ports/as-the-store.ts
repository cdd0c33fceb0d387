import { plans } from '../../libs/store/src/open-store.js';

/** The database, asked in a session that plans as those of the store do. */
export const asTheStore = (url: string) => `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(plans)}`;
