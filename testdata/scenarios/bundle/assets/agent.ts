import data from 'reads-data';
import esm from 'reads-data/esm';
import asks from 'asks-speaks';
import speaks from 'speaks';
import sloppy from 'sloppy';
export default [data.text, esm[0], esm[2], asks.same(speaks), speaks.say('fr'), speaks.say('de'), speaks.made(), sloppy.octal];
