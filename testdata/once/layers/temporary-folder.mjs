import { mkdtempSync } from 'node:fs';
export const value = mkdtempSync('/tmp/once-');
