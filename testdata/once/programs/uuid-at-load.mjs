const drawn = crypto.randomUUID();
export default () => drawn;
