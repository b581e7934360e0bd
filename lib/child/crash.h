/* Reports of fatal signals. */
#ifndef BEGET__CRASH_H
#define BEGET__CRASH_H

/* From now on, a fatal signal is reported on the channel before it takes effect. */
void beget__crash_arm(int channel);

#endif
