import { isEven, isOdd } from 'circular-esm';
import circle from 'circular-cjs';
export default { even: isEven(8), odd: isOdd(8), seen: circle.seenByOther, later: circle.laterSeenByOther() };
