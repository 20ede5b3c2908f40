/*
 * What a shim tells the world's init of its faults, over DIR/faults beside its plan: a SEQPACKET socket, one
 * message at a time, each answered with one byte once it is done.
 *
 *	owed				somebody waits for an answer that will not come
 *	signal sentry|runtime NUMBER	that process gets the signal
 */
#ifndef HX_INTERPOSE_FAULTS_H
#define HX_INTERPOSE_FAULTS_H

#define FAULTS_SOCKET "faults"
#define FAULTS_TEXT_LIMIT 64
#define FAULTS_OWED "owed"

#endif
