import type { Route } from '../http/route.js';
import { getAccount, getAccounts, webhooksDenied } from './account-operations.js';
import { bulkSubscribeProfiles, bulkSuppressProfiles, bulkUnsubscribeProfiles, bulkUnsuppressProfiles } from './consent-operations.js';
import { bulkCreateEvents, createEvent, getEvent, getEvents, getMetrics } from './event-operations.js';
import { createFlow, getFlows } from './flow-operations.js';
import { bulkImportProfiles, getImportErrors, getImportJob, getImportJobs } from './import-operations.js';
import type { OperationId } from './limits.js';
import { addProfilesToList, createList, getList, getLists, getListsForProfile, getProfilesForList, removeProfilesFromList } from './list-operations.js';
import type { Operation } from './operation.js';
import { createOrUpdateProfile, createProfile, getProfile, getProfiles, mergeProfiles, requestProfileDeletion, updateProfile } from './profile-operations.js';
import { createSegment, getSegments } from './segment-operations.js';

export interface Target {
  id: OperationId;
  run: Operation;
}

const route = (method: string, path: string, id: OperationId, run: Operation): Route<Target> => ({ method, path, target: { id, run } });

export const operations: readonly Route<Target>[] = [
  route('POST', '/api/events', 'create_event', createEvent),
  route('POST', '/api/event-bulk-create-jobs', 'bulk_create_events', bulkCreateEvents),
  route('GET', '/api/events', 'get_events', getEvents),
  route('GET', '/api/events/{id}', 'get_event', getEvent),
  route('GET', '/api/metrics', 'get_metrics', getMetrics),
  route('POST', '/api/profile-import', 'create_or_update_profile', createOrUpdateProfile),
  route('POST', '/api/profiles', 'create_profile', createProfile),
  route('GET', '/api/profiles', 'get_profiles', getProfiles),
  route('GET', '/api/profiles/{id}', 'get_profile', getProfile),
  route('PATCH', '/api/profiles/{id}', 'update_profile', updateProfile),
  route('GET', '/api/profiles/{id}/lists', 'get_lists_for_profile', getListsForProfile),
  route('POST', '/api/profile-merge', 'merge_profiles', mergeProfiles),
  route('POST', '/api/data-privacy-deletion-jobs', 'request_profile_deletion', requestProfileDeletion),
  route('POST', '/api/profile-bulk-import-jobs', 'bulk_import_profiles', bulkImportProfiles),
  route('GET', '/api/profile-bulk-import-jobs', 'get_bulk_import_profiles_jobs', getImportJobs),
  route('GET', '/api/profile-bulk-import-jobs/{job_id}', 'get_bulk_import_profiles_job', getImportJob),
  route('GET', '/api/profile-bulk-import-jobs/{id}/import-errors', 'get_errors_for_bulk_import_profiles_job', getImportErrors),
  route('POST', '/api/profile-subscription-bulk-create-jobs', 'bulk_subscribe_profiles', bulkSubscribeProfiles),
  route('POST', '/api/profile-subscription-bulk-delete-jobs', 'bulk_unsubscribe_profiles', bulkUnsubscribeProfiles),
  route('POST', '/api/profile-suppression-bulk-create-jobs', 'bulk_suppress_profiles', bulkSuppressProfiles),
  route('POST', '/api/profile-suppression-bulk-delete-jobs', 'bulk_unsuppress_profiles', bulkUnsuppressProfiles),
  route('GET', '/api/lists', 'get_lists', getLists),
  route('POST', '/api/lists', 'create_list', createList),
  route('GET', '/api/lists/{id}', 'get_list', getList),
  route('GET', '/api/lists/{id}/profiles', 'get_profiles_for_list', getProfilesForList),
  route('POST', '/api/lists/{id}/relationships/profiles', 'add_profiles_to_list', addProfilesToList),
  route('DELETE', '/api/lists/{id}/relationships/profiles', 'remove_profiles_from_list', removeProfilesFromList),
  route('GET', '/api/segments', 'get_segments', getSegments),
  route('POST', '/api/segments', 'create_segment', createSegment),
  route('GET', '/api/flows', 'get_flows', getFlows),
  route('POST', '/api/flows', 'create_flow', createFlow),
  route('GET', '/api/accounts', 'get_accounts', getAccounts),
  route('GET', '/api/accounts/{id}', 'get_account', getAccount),
  route('GET', '/api/webhooks', 'get_webhooks', webhooksDenied),
  route('POST', '/api/webhooks', 'create_webhook', webhooksDenied),
  route('GET', '/api/webhooks/{id}', 'get_webhook', webhooksDenied),
  route('PATCH', '/api/webhooks/{id}', 'update_webhook', webhooksDenied),
  route('DELETE', '/api/webhooks/{id}', 'delete_webhook', webhooksDenied),
  route('GET', '/api/webhook-topics', 'get_webhook_topics', webhooksDenied),
  route('GET', '/api/webhook-topics/{id}', 'get_webhook_topic', webhooksDenied),
];
