const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(3));
export default () => digest.byteLength;
