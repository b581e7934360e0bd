/* The events of a service, one at a time. */
#ifndef BEGET__NEWS_H
#define BEGET__NEWS_H

#include "service/service.h"

bool beget__news_there(const struct beget_service *);

/* The next event: those of the oldest child first, those of the whole service last. A child is freed when its last
 * event is taken. */
bool beget__news_take(struct beget_service *, struct beget_service_event *ret);

#endif
