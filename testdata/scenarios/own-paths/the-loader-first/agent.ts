import './first.mjs';
import speaks from 'speaks';
export default [(globalThis as any).first === speaks, speaks.made()];
