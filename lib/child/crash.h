/* Where a fatal signal struck. */
#ifndef BEGET__CRASH_H
#define BEGET__CRASH_H

/* From here on a fatal signal is reported on the channel before it takes its course. */
void beget__crash_arm(int channel);

#endif
