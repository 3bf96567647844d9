import * as one from 'application-one';
import * as two from 'application-two';
export default [[one.sees, one.same], [two.sees, two.same]];
