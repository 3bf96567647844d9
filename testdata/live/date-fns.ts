import { addMonths, differenceInCalendarDays, eachWeekOfInterval, format, formatDistance, parseISO } from 'npm:date-fns@4.1.0';
import { de } from 'npm:date-fns@4.1.0/locale';

export default () => {
  const start = parseISO('2024-01-31T10:00:00Z');
  const end = addMonths(start, 1);
  return {
    end: end.toISOString(),
    days: differenceInCalendarDays(end, start),
    text: format(start, "EEEE, d. MMMM yyyy 'um' HH:mm", { locale: de }),
    distance: formatDistance(start, end),
    weeks: eachWeekOfInterval({ start, end }).length,
  };
};
