import { sum, own } from 'json-data';
import table from 'json-data/data.json' with { type: 'json' };
export default { sum, own, numbers: table.numbers, default: table.default, big: table.big };
