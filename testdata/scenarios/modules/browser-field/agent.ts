import map from 'browser-map';
import { entry } from 'main-before-module';
export default { ...map, entry };
