const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(3));
export const value = Buffer.from(digest).toString('hex').slice(0, 8);
