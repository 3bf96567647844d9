import main from './out.js';
import { readFileSync } from 'node:fs';
const map = JSON.parse(readFileSync('./out.js.map', 'utf8'));
if (map.version !== 3 || !map.sources.includes('agent.ts')) throw new Error(`not our map: ${map.sources}`);
console.log(JSON.stringify(main(7)));
