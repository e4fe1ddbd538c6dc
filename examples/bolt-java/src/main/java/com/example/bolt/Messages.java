package com.example.bolt;

import java.io.Serializable;

/**
 * What client and server say to each other. bolt puts a message's class name in front of it, picks the processor by that
 * name, and a proxy routes by it; nothing else in a raw bolt request tells one kind from another.
 */
final class Messages {
    private Messages() {
    }

    /** Asks for the same text and body back, after so many milliseconds. */
    static final class EchoRequest implements Serializable {
        private static final long serialVersionUID = 1;

        String text;
        byte[] body;
        int sleepMillis;

        EchoRequest(String text) {
            this.text = text;
        }

        EchoRequest body(byte[] value) {
            body = value;
            return this;
        }

        EchoRequest sleep(int millis) {
            sleepMillis = millis;
            return this;
        }
    }

    /** The answer to an echo, with the protocol that the server speaks on the connection and, of protocol 2, the version. */
    static final class EchoReply implements Serializable {
        private static final long serialVersionUID = 1;

        String text;
        byte[] body;
        int protocol;
        int version;
    }

    /** Counts one arrival under a key; sent one-way. */
    static final class CountRequest implements Serializable {
        private static final long serialVersionUID = 1;

        String key;

        CountRequest(String key) {
            this.key = key;
        }
    }

    /** Asks how often a key was counted; the answer is an Integer. */
    static final class CountQuery implements Serializable {
        private static final long serialVersionUID = 1;

        String key;

        CountQuery(String key) {
            this.key = key;
        }
    }

    /** Makes the server's processor throw. */
    static final class FailRequest implements Serializable {
        private static final long serialVersionUID = 1;

        String message;

        FailRequest(String message) {
            this.message = message;
        }
    }

    /** A request that no processor of the server is for. */
    static final class UnknownRequest implements Serializable {
        private static final long serialVersionUID = 1;

        String text = "anyone?";
    }

    /** Makes the server ask the client, on the connection this came by, and answer with what the client said. */
    static final class AskMeRequest implements Serializable {
        private static final long serialVersionUID = 1;

        String question;

        AskMeRequest(String question) {
            this.question = question;
        }
    }

    /** What the server asks the client; the answer is a String. */
    static final class Question implements Serializable {
        private static final long serialVersionUID = 1;

        String text;

        Question(String text) {
            this.text = text;
        }
    }
}
