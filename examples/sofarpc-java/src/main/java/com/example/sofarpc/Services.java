package com.example.sofarpc;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;

/** Makes the consumers of the services behind one address; they share a connection. */
final class Services {
    static final int TIMEOUT_MILLIS = 15_000;
    private static final int CONNECT_TIMEOUT_MILLIS = 15_000;

    private final String address;

    Services(String address) {
        this.address = address;
    }

    EchoService echo() {
        return of(EchoService.class).refer();
    }

    <T> ConsumerConfig<T> of(Class<T> service) {
        return new ConsumerConfig<T>()
            .setApplication(new ApplicationConfig().setAppName("example-client"))
            .setInterfaceId(service.getName())
            .setDirectUrl("bolt://" + address)
            .setRegister(false)
            .setTimeout(TIMEOUT_MILLIS)
            .setConnectTimeout(CONNECT_TIMEOUT_MILLIS)
            // SOFARPC warns an application that refers to one service many times; these checks do it on purpose.
            .setRepeatedReferLimit(-1);
    }
}
