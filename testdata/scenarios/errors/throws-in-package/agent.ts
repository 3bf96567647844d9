import { boom } from 'throws';

export default () => {
  boom('from here');
};
