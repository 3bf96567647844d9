import sloppy from 'sloppy';
import leaks from 'sloppy/leaks.js';
import strict from 'sloppy/strict.js';
export default [sloppy, leaks, strict.same()];
