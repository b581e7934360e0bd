/* Counters of programs that were built for coverage. */
#ifndef BEGET__COVERAGE_H
#define BEGET__COVERAGE_H

/* Writes them: those of the program if the library is linked into it, and those of all modules with BEGET_COVERAGE. */
void beget__coverage_write(void);

#endif
