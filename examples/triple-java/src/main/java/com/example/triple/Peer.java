package com.example.triple;

import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/** What client and server have in common: a Dubbo application that keeps to itself. */
final class Peer {
    /**
     * 127.0.0.1 as one number, which Dubbo does not recognize. It takes 127.* and localhost to mean "this machine": a client
     * then connects to the address of a network card instead, and a server listens on all of them.
     */
    private static final String LOOPBACK = "2130706433";

    private Peer() {}

    /** The host to give to Dubbo instead of this one. */
    static String dubboHost(String host) {
        return host.equals("127.0.0.1") || host.equals("localhost") ? LOOPBACK : host;
    }

    /** Names the application, and turns off all that would listen, register or write files beside the calls. */
    static void configure(String name) {
        ApplicationConfig application = new ApplicationConfig(name);
        application.setQosEnable(false);
        application.setEnableFileCache(false);
        application.setRegisterMode("interface"); // keeps a server from opening a second port, for a metadata service
        DubboBootstrap.getInstance().application(application).registry(new RegistryConfig(RegistryConfig.NO_AVAILABLE));
    }
}
